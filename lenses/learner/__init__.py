"""Learning: losses, rates and optimisers as lenses, and the closed lens whose put is a training step."""
