"""The AIOT open cloud's firmware upgrades: codes, models, pushes and the table of its four endpoints.

Source of every table here: "AIOT OTA", the vendor's page on upgrades, and the codes of its public clients.
"""
