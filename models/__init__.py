"""Training and measuring of the learned weights; imports the app, and the app never imports this package."""
