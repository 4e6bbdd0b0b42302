"""What should the part look like? Its twin: 3D Gaussian splats, trained and rendered."""
