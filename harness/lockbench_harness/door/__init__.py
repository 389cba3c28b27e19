"""The GATT door: clients of any language reach the radio over JSON lines. README.md here is its protocol."""
