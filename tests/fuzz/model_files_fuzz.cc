// The files of a model from elsewhere: safetensors, config.json, adapter_config.json.
#include "agents/worker/formats/adapter_config.h"
#include "agents/worker/formats/model_config.h"
#include "agents/worker/formats/safetensors.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  static const ScratchFolder kFolder;
  const auto file = worker::SafetensorsFile::open(kFolder.write("model.safetensors", bytes));
  if (file) {
    unsigned sum = 0;
    for (const auto& [name, tensor] : file->tensors()) {
      for (const std::byte byte : tensor.bytes) {  // every view lies within the file
        sum += static_cast<unsigned>(byte);
      }
      LUTHIER_CHECK(!worker::shape_text(tensor.shape).empty());
    }
    LUTHIER_CHECK(sum + 1 != 0);
  } else {
    LUTHIER_CHECK(!file.error().message.empty());
  }
  (void)worker::parse_model_config(bytes);
  (void)worker::parse_adapter_config(bytes);
}
