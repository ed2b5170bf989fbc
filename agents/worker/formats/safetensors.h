// Safetensors: named tensors in one file. Free of LibTorch.
//
// A file is a little-endian u64 header length, a JSON header, then the tensors' bytes without holes. Files come
// from outside, so the reader checks everything before a byte is used: header size, JSON shape, names said
// twice, known dtypes, non-negative shapes whose product fits, and that the tensors cover the data exactly once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::worker {

enum class Dtype { kBool, kU8, kI8, kI16, kI32, kI64, kF16, kBF16, kF32, kF64 };

// "F32", "BF16", …: the names in the file's header.
[[nodiscard]] std::string_view dtype_name(Dtype dtype);
[[nodiscard]] std::size_t dtype_size_bytes(Dtype dtype);

struct TensorView {
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape;   // empty: a scalar
  std::span<const std::byte> bytes;  // borrowed; row-major, not necessarily aligned
};

// "[2, 3]".
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

// An open file, mapped into memory. The views in tensors() live as long as the object. Move-only.
class SafetensorsFile {
 public:
  // kNotFound when there is no file; kInvalidArgument, naming the file and the tensor, when it is malformed.
  [[nodiscard]] static Result<SafetensorsFile> open(const std::filesystem::path& path);

  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;
  ~SafetensorsFile();

  [[nodiscard]] const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  struct Mapping;
  explicit SafetensorsFile(std::unique_ptr<Mapping> mapping);

  std::unique_ptr<Mapping> mapping_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes `tensors` to a temporary name, fsyncs, renames it over `path` and fsyncs the folder. The same input
// gives the same bytes: tensors are ordered by descending element size, then by name. {"format": "pt"} is added
// to the metadata, because readers of other projects ask for it.
[[nodiscard]] Result<void> write_safetensors(const std::filesystem::path& path,
                                             const std::map<std::string, TensorView>& tensors,
                                             std::map<std::string, std::string> metadata = {});

}  // namespace luthier::worker
