"""How fast the bench is, beside its peers. May import every floor; no floor imports it."""
