"""The door: who and what may come in: hosts, origins, tokens, levels, rates, sizes. Everything is checked here before anything is done."""
