"""Put in front of a foreign interpreter's PYTHONPATH; knows only the standard library and bleak."""
