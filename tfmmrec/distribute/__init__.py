"""tf.distribute: strategies, replicas, clusters, and random numbers that resume exactly."""
