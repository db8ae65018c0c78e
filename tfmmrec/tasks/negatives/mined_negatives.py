"""Mined negatives: hard negatives of each user, from the whole catalog."""

import tensorflow as tf

from tfmmrec.distribute.stateless_random import integers


class MinedNegatives(tf.Module):
    """Draws from the hard negatives that `NegativeMiningCallback` mined for each user.

    Drawing from many, instead of taking the highest, avoids false negatives, i.e. items that the
    user would have interacted with next (Xiong et al. 2021, arXiv:2007.00808, draw from 200).

    Args:
        num_users: number of users.
        num: number of negatives to draw per row of a batch.
        top_k: number of mined items per user.

    Attributes:
        rows: int32 `[users, top_k]`, rows of items, the hardest first; -1 is none.
    """

    def __init__(self, num_users: int, *, num: int, top_k: int):
        super().__init__()
        self.num = num
        self.rows = tf.Variable(tf.fill([num_users, top_k], -1), trainable=False)

    def draw(self, users: tf.Tensor) -> tf.Tensor:
        """Draws items for the users of a batch, int32 `[batch * num]`; -1 is none.

        Args:
            users: int32 `[batch]`, rows of users.
        """
        rows = tf.gather(self.rows, users)  # [batch, top_k]
        top_k = rows.shape[1]
        if self.num < top_k:
            drawn = integers([tf.size(users), self.num], top_k)
            rows = tf.gather(rows, drawn, batch_dims=1)
        return tf.reshape(rows, [-1])
