"""Where is the camera? Features, the SfM map of the part, retrieval by votes and PnP."""
