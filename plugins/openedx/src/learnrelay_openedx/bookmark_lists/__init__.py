"""Lists of bookmarks."""
