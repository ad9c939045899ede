"""What is for sale: models, the routes that serve them, and their prices."""
