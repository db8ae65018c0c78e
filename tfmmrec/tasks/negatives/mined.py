"""What was mined for each user, and what of it joins a batch."""

import tensorflow as tf

from tfmmrec.distribute.stateless_random import integers


class MinedNegatives(tf.Module):
    """Draws hard negatives of users from the items that `NegativeMiningCallback` mined for them.

    To draw from many, rather than to take the highest, keeps those apart that a user would have
    chosen next (Xiong et al. 2021, arXiv:2007.00808, draw from 200).

    Args:
        num_users: rows of users.
        num: how many are drawn for each user of a batch.
        among: how many are held for each user.

    Attributes:
        rows: int32 `[users, among]`, rows of items, the hardest first; -1 for none.
    """

    def __init__(self, num_users: int, *, num: int, among: int):
        super().__init__()
        self.num = num
        self.rows = tf.Variable(tf.fill([num_users, among], -1), trainable=False)

    def draw(self, users: tf.Tensor) -> tf.Tensor:
        """Draws for the users of a batch, int32 `[batch * num]`; -1 for none.

        Args:
            users: int32 `[batch]`, rows of users.
        """
        held = tf.gather(self.rows, users)
        among = held.shape[1]
        if self.num < among:
            drawn = integers([tf.size(users), self.num], among)
            held = tf.gather(held, drawn, batch_dims=1)
        return tf.reshape(held, [-1])
