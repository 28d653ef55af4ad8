"""The composition root: settings become objects, objects become one running process."""
