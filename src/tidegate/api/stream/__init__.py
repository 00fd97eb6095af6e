"""The stream: what became durable, framed once and told to many; each client is a cursor."""
