"""Transformer fusion against worked examples."""

import numpy as np
import tensorflow as tf

from tfmmrec.errors import ConfigError
from tfmmrec.layers.fusion import FUSIONS, ConcatFusion, TransformerFusion
from tfmmrec.testing import TestCase

# Of mean 0 and deviation 1 after their normalisation, whatever their size.
GIVEN = tf.constant([[[2.0, -2.0, 2.0, -2.0], [3.0, 3.0, -3.0, -3.0]]])
BOTH = tf.constant([[True, True]])


def transformer() -> TransformerFusion:
    """One head that takes the plain mean of what it sees, and a hidden layer that adds nothing."""
    fusion = TransformerFusion(["text", "id"], layers=1, heads=1, units=3)
    fusion(GIVEN, mask=BOTH)
    fusion.query.assign([[[1.0, 1.0, -1.0, -1.0]]])
    fusion.types.assign(tf.zeros([2, 4]))
    block = fusion.blocks[0]
    heads = np.zeros([4, 3, 1, 4])  # component, (query, key, value), head, width
    heads[:, 2, 0] = np.eye(4)
    block.heads_layer.set_weights([heads, np.zeros([3, 1, 4])])
    block.attention_output.set_weights([np.eye(4)[np.newaxis], np.zeros([4])])
    block.hidden_output.set_weights([np.zeros([3, 4]), np.zeros([4])])
    fusion.output_layer.set_weights([np.eye(4), np.zeros([4])])
    return fusion


class TransformerFusionTest(TestCase):
    def test_it_fuses_the_id_embedding(self):
        self.assertTrue(TransformerFusion.takes_id)
        self.assertFalse(ConcatFusion.takes_id)

    def test_it_starts_as_the_plain_average(self):
        fusion = TransformerFusion(["text", "id"], layers=2)
        # ((2 + 3) / 2, (-2 + 3) / 2, (2 - 3) / 2, (-2 - 3) / 2)
        self.assertAllClose(fusion(GIVEN, mask=BOTH), [[2.5, 0.5, -0.5, -2.5]])
        self.assertAllClose(fusion(GIVEN, mask=tf.constant([[False, True]])), GIVEN[:, 1])

    def test_worked_example(self):
        # The mean of the query and both tokens, normalised, is
        # ((1, 1, -1, -1) + (1, -1, 1, -1) + (1, 1, -1, -1)) / 3 = (1, 1/3, -1/3, -1);
        # added to the query that is (2, 4/3, -4/3, -2), of variance (4 + 16/9) / 2 = 26/9 and
        # deviation 1.69967, so normalised (1.17670, 0.78446, -0.78446, -1.17670).
        # The average of the vectors, (2.5, 0.5, -0.5, -2.5), is added.
        self.assertAllClose(
            transformer()(GIVEN, mask=BOTH), [[3.67670, 1.28446, -1.28446, -3.67670]], atol=1e-3
        )

    def test_missing_tokens_get_no_attention(self):
        # ((1, 1, -1, -1) + (1, -1, 1, -1)) / 2 = (1, 0, 0, -1); with the query (2, 1, -1, -2), of
        # variance 2.5 and deviation 1.58114: (1.26491, 0.63246, …); and the text is added.
        self.assertAllClose(
            transformer()(GIVEN, mask=tf.constant([[True, False]])),
            [[3.26491, -1.36754, 1.36754, -3.26491]],
            atol=1e-3,
        )
        # The query alone: (1, 1, -1, -1) twice, normalised (1, 1, -1, -1); there is no average.
        self.assertAllClose(
            transformer()(GIVEN, mask=tf.constant([[False, False]])),
            [[1.0, 1.0, -1.0, -1.0]],
            atol=1e-3,
        )

    def test_tokens_have_type_embeddings(self):
        fusion = transformer()
        turned = GIVEN[:, ::-1]
        self.assertAllClose(fusion(turned, mask=BOTH), fusion(GIVEN, mask=BOTH))
        fusion.types.assign([[0.0] * 4, [0.0, 2.0, 0.0, -2.0]])
        self.assertNotAllClose(fusion(turned, mask=BOTH), fusion(GIVEN, mask=BOTH))

    def test_two_layers_keep_the_contract(self):
        inputs = {"vectors": GIVEN, "mask": BOTH}
        # Three heads do not divide four components. That a block compiles is tested by itself.
        self.run_layer_test(
            lambda: TransformerFusion(["text", "id"], layers=2, heads=3, units=8),
            inputs,
            (1, 4),
            xla=False,
        )

    def test_bad_options_are_refused(self):
        for options, reason in (
            ({"layers": 0}, "layers must be at least 1. Received: 0"),
            ({"heads": 0}, "heads must be at least 1. Received: 0"),
            ({"units": 2.0}, "units must be a whole number. Received: 2.0"),
            ({"dropout": 1.0}, "dropout must be from 0 to below 1. Received: 1.0"),
        ):
            with self.assertRaisesRegex(ConfigError, reason):
                FUSIONS.parse({"kind": "transformer", **options}, names=["t"]).create(names=["t"])
