"""tf.distribute strategies, replicas, clusters and random draws that they share."""
