// Loads an export as TensorFlow Serving does and runs its signatures, without Python.
//
//   load EXPORT_DIR REQUESTS_DIR OUT_DIR
//
// Reads REQUESTS_DIR/<signature>/<number>/*.pb, each a serialized tensorflow::NamedTensorProto, since the
// name of an input may be no name of a file, and writes OUT_DIR/<signature>/<number>/<output>.pb, each a
// serialized tensorflow::TensorProto.
// tfmmrec/serving/loader_check.py compiles and runs it.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/protobuf/named_tensor.pb.h"
#include "tensorflow/core/public/session.h"

namespace fs = std::filesystem;

// The initialization op is listed as a signature, but LoadSavedModel runs it itself.
constexpr char kInit[] = "__saved_model_init_op";

void Check(const absl::Status& status, const std::string& what) {
  if (!status.ok()) throw std::runtime_error(what + ": " + std::string(status.message()));
}

std::pair<std::string, tensorflow::Tensor> ReadTensor(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  tensorflow::NamedTensorProto proto;
  tensorflow::Tensor tensor;
  if (!proto.ParseFromIstream(&file) || !tensor.FromProto(proto.tensor())) {
    throw std::runtime_error(path.string() + ": is not a NamedTensorProto");
  }
  return {proto.name(), tensor};
}

void WriteTensor(const tensorflow::Tensor& tensor, const fs::path& path) {
  tensorflow::TensorProto proto;
  tensor.AsProtoField(&proto);
  std::ofstream file(path, std::ios::binary);
  if (!proto.SerializeToOstream(&file) || !file.flush()) {
    throw std::runtime_error(path.string() + ": cannot be written");
  }
}

void RunRequest(const tensorflow::SavedModelBundle& bundle,
                const tensorflow::SignatureDef& signature, const fs::path& request,
                const fs::path& out) {
  std::vector<std::pair<std::string, tensorflow::Tensor>> feeds;
  std::set<std::string> given;
  for (const auto& file : fs::directory_iterator(request)) {
    const auto [name, tensor] = ReadTensor(file.path());
    const auto input = signature.inputs().find(name);
    if (input == signature.inputs().end()) {
      throw std::runtime_error(request.string() + ": the signature has no input " + name);
    }
    given.insert(name);
    feeds.emplace_back(input->second.name(), tensor);
  }
  for (const auto& [name, info] : signature.inputs()) {
    if (!given.count(name)) {
      throw std::runtime_error(request.string() + ": the input " + name + " is missing");
    }
  }
  std::vector<std::string> names, fetches;
  for (const auto& [name, info] : signature.outputs()) {
    names.push_back(name);
    fetches.push_back(info.name());
  }
  std::vector<tensorflow::Tensor> tensors;
  Check(bundle.session->Run(feeds, fetches, {}, &tensors), request.string());
  fs::create_directories(out);
  for (size_t i = 0; i < names.size(); ++i) WriteTensor(tensors[i], out / (names[i] + ".pb"));
}

void RunAll(const std::string& export_dir, const fs::path& requests, const fs::path& out) {
  tensorflow::SavedModelBundle bundle;
  Check(tensorflow::LoadSavedModel({}, {}, export_dir, {"serve"}, &bundle), export_dir);
  const auto& signatures = bundle.GetSignatures();
  for (const auto& folder : fs::directory_iterator(requests)) {
    const std::string name = folder.path().filename().string();
    if (!signatures.count(name)) throw std::runtime_error("the model has no signature " + name);
  }
  for (const auto& [name, signature] : signatures) {
    if (name == kInit) continue;
    // A signature is only tested if it runs; loading is not enough.
    if (!fs::is_directory(requests / name) || fs::is_empty(requests / name)) {
      throw std::runtime_error("the signature " + name + " has no request");
    }
    for (const auto& request : fs::directory_iterator(requests / name)) {
      RunRequest(bundle, signature, request.path(), out / name / request.path().filename());
    }
  }
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: load EXPORT_DIR REQUESTS_DIR OUT_DIR" << std::endl;
    return 2;
  }
  try {
    RunAll(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    // A status can have several lines; the message must have one.
    std::string message = error.what();
    for (char& c : message) c = c == '\n' ? ' ' : c;
    std::cerr << "load: error: " << message << std::endl;
    return 1;
  }
  return 0;
}
