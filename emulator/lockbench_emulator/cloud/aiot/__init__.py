"""The AIOT open cloud, as far as firmware upgrades: tables, rules, HTTP, controls."""
