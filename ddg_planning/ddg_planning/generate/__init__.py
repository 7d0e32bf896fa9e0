"""The generative models: contact models, query densities, product of experts, search."""
