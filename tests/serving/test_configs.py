import json
import os
from pathlib import Path

import pytest
import requests
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

SERVING = Path(__file__).parents[2] / "serving"


def models_config():
    config = model_server_config_pb2.ModelServerConfig()
    return text_format.Parse((SERVING / "models.config").read_text(encoding="utf-8"), config)


def compose():
    content = (SERVING / "docker-compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(content)["services"]["tf-serving"]


def test_models_config_names_folders_under_the_mounted_one():
    targets = {volume.rsplit(":", 2)[1] for volume in compose()["volumes"]}
    assert targets == {"/models", "/config/models.config", "/config/batching_params.pbtxt"}
    models = models_config().model_config_list.config
    assert [model.name for model in models] == ["demo"]
    for model in models:
        assert model.base_path == f"/models/{model.name}"
        assert model.model_platform == "tensorflow"


def test_compose_opens_both_ports_and_gives_the_config():
    service = compose()
    assert service["image"] == "tensorflow/serving:2.17.0"
    assert service["ports"] == ["8500:8500", "8501:8501"]
    assert "--model_config_file=/config/models.config" in service["command"]
    (config,) = (volume for volume in service["volumes"] if "models.config" in volume)
    assert (SERVING / config.split(":")[0]).is_file()


def batching_parameters():
    """Parses the file as TensorFlow Serving's BatchingParameters, which no Python package has."""
    Field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    message = file.message_type.add(name="BatchingParameters")
    numbers = {"max_batch_size": 1, "batch_timeout_micros": 2, "num_batch_threads": 4}
    for name, number in numbers.items():
        field = message.field.add(name=name, number=number, label=Field.LABEL_OPTIONAL)
        field.type, field.type_name = Field.TYPE_MESSAGE, ".google.protobuf.Int64Value"
    sizes = message.field.add(name="allowed_batch_sizes", number=6, type=Field.TYPE_INT64)
    sizes.label = Field.LABEL_REPEATED
    padding = message.field.add(name="pad_variable_length_inputs", number=7, type=Field.TYPE_BOOL)
    padding.label = Field.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))
    return text_format.Parse(
        (SERVING / "batching_params.pbtxt").read_text(encoding="utf-8"), kind()
    )


def test_batching_can_be_uncommented():
    flags = ["--enable_batching", "--batching_parameters_file=/config/batching_params.pbtxt"]
    assert not set(flags) & set(compose()["command"])
    written = (SERVING / "docker-compose.yml").read_text(encoding="utf-8")
    uncommented = yaml.safe_load(written.replace("# - --", "- --"))
    assert uncommented["services"]["tf-serving"]["command"] == [*compose()["command"], *flags]


def test_batches_are_padded_as_the_server_requires():
    parameters = batching_parameters()
    sizes = list(parameters.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[-1] == parameters.max_batch_size.value
    # It would fill histories up with their oldest item.
    assert not parameters.pad_variable_length_inputs
    assert parameters.batch_timeout_micros.value > 0 and parameters.num_batch_threads.value > 0


def test_the_readme_states_what_was_not_tested():
    readme = " ".join((SERVING / "README.md").read_text(encoding="utf-8").split())
    assert "not run against tensorflow_model_server" in readme.replace("`", "")


def test_a_tensorflow_serving_answers():
    url = os.environ.get("TFMMREC_TF_SERVING_URL")
    if not url:
        pytest.skip("TFMMREC_TF_SERVING_URL is not set: no TensorFlow Serving to ask")
    name = os.environ.get("TFMMREC_TF_SERVING_MODEL", "demo")
    model = f"{url.rstrip('/')}/v1/models/{name}"
    (status,) = requests.get(model, timeout=30).json()["model_version_status"]
    assert status["state"] == "AVAILABLE"
    metadata = requests.get(f"{model}/metadata", timeout=30).json()["metadata"]
    inputs = metadata["signature_def"]["signature_def"]["serving_default"]["inputs"]
    row = {"history": [""], "exclude": [""], "k": 3}
    for key, info in inputs.items():
        absent = "" if info["dtype"] == "DT_STRING" else float("nan")
        is_list = len(info["tensor_shape"]["dim"]) > 1
        row.setdefault(key, [absent] if is_list else absent)
    # requests' own json= refuses NaN, which TensorFlow Serving takes.
    body = json.dumps({"instances": [row, row]})
    answer = requests.post(f"{model}:predict", data=body, timeout=30).json()
    assert [len(row["items"]) for row in answer["predictions"]] == [3, 3], answer
