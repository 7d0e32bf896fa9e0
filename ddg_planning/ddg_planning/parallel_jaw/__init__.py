"""Dex-Net 2.0: grasps of two parallel jaws, learned from depth images and contact mechanics."""
