"""SavedModel and TFLite files, compared with Keras."""
