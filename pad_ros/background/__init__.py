"""What is not the part? The test mask, and the background rebuilt behind it."""
