"""Runs an export as load.cc does, but in plain TensorFlow and without tfmmrec, for comparison.

python load.py EXPORT_DIR REQUESTS_DIR OUT_DIR
"""

import sys
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import named_tensor_pb2


def main(export_dir: str, requests: Path, out: Path) -> None:
    """Runs every request and writes its outputs."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        model = tf.compat.v1.saved_model.load(session, ["serve"], export_dir)
        for request in sorted(requests.glob("*/*")):
            signature = model.signature_def[request.parent.name]
            named = [_read(path) for path in request.iterdir()]
            feeds = {signature.inputs[name].name: value for name, value in named}
            fetches = {name: info.name for name, info in signature.outputs.items()}
            answer = out / request.relative_to(requests)
            answer.mkdir(parents=True)
            for name, value in session.run(fetches, feeds).items():
                proto = tf.make_tensor_proto(value)
                (answer / f"{name}.pb").write_bytes(proto.SerializeToString())


def _read(path: Path):
    proto = named_tensor_pb2.NamedTensorProto.FromString(path.read_bytes())
    return proto.name, tf.make_ndarray(proto.tensor)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
