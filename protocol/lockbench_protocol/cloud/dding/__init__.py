"""The dding SaaS open platform V1.6: codes, requests, replies, events and the table of its 28 endpoints.

Source of every table here: "dding SaaS V1.6", by section. What later versions added says so.
"""
