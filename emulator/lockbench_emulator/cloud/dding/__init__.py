"""The dding cloud over the store; only `courier`, `wire` and `server` are asynchronous."""
