"""Judged grasps on disk: format, storage, gathering on many cores, checks. See docs/data.md."""
