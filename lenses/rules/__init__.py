"""Rules: one term, many backward passes. `rule` has the shape, each other module a rule of that shape."""
