// The published JSON Schema (draft-07) of pipeline files, made from the declaration. Editors read
// pipelines/schema/pipeline.schema.json; a test keeps that file equal to this function's answer.
#pragma once

#include <string>

namespace luthier::spec {

// Indented JSON text that ends in a newline.
[[nodiscard]] std::string json_schema();

}  // namespace luthier::spec
