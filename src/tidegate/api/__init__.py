"""The front door: HTTP and WebSocket. In: requests of agents and the operator. Out: the desk's answers, and its events as they become durable."""
