"""Files to arrays and tf.data pipelines of content images."""
