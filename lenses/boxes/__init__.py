"""The generators, by kind; each is one small class that says everything about itself."""
