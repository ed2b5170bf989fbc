#include "agents/worker/formats/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian, and so are we");

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kHeaderBytesMax = 100'000'000;
constexpr std::size_t kPrefixBytes = 8;

struct DtypeFacts {
  Dtype dtype;
  std::string_view name;
  std::size_t size_bytes;
};
constexpr std::array kDtypes{
    DtypeFacts{Dtype::kBool, "BOOL", 1}, DtypeFacts{Dtype::kU8, "U8", 1},     DtypeFacts{Dtype::kI8, "I8", 1},
    DtypeFacts{Dtype::kI16, "I16", 2},   DtypeFacts{Dtype::kI32, "I32", 4},   DtypeFacts{Dtype::kI64, "I64", 8},
    DtypeFacts{Dtype::kF16, "F16", 2},   DtypeFacts{Dtype::kBF16, "BF16", 2}, DtypeFacts{Dtype::kF32, "F32", 4},
    DtypeFacts{Dtype::kF64, "F64", 8},
};

const DtypeFacts& facts(Dtype dtype) {
  return *std::find_if(kDtypes.begin(), kDtypes.end(), [&](const DtypeFacts& f) { return f.dtype == dtype; });
}

Error malformed(const std::string& what) {
  return {ErrorCode::kInvalidArgument, "not a valid safetensors file: " + what};
}

// Parses the header and refuses a key said twice, which a plain parse would silently resolve.
Result<Json> parse_header(std::string_view text) {
  std::vector<std::set<std::string>> seen;
  std::optional<std::string> repeated;
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      too_deep = too_deep || depth > 3;
      seen.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      seen.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!seen.back().insert(key).second && !repeated.has_value()) {
        repeated = key;
      }
    }
    return true;
  };
  Json header = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (!header.is_object() || too_deep) {
    return malformed("its header is not a JSON object of tensors");
  }
  if (repeated.has_value()) {
    return malformed("its header says '" + *repeated + "' twice");
  }
  return header;
}

struct Placed {
  TensorView view;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::optional<std::uint64_t> as_unsigned(const Json& value) {
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0)) {
    return std::nullopt;
  }
  return value.get<std::uint64_t>();
}

// Dtype, shape and place of one tensor; whether the place lies in the file is checked by the caller.
Result<Placed> parse_entry(const std::string& name, const Json& entry) {
  const Json none;
  const auto member = [&](const char* key) -> const Json& {
    const auto found = entry.is_object() ? entry.find(key) : entry.end();
    return entry.is_object() && found != entry.end() ? *found : none;
  };
  Placed placed;
  const Json& dtype = member("dtype");
  const auto known = std::find_if(kDtypes.begin(), kDtypes.end(),
                                  [&](const DtypeFacts& f) { return dtype.is_string() && dtype == f.name; });
  if (known == kDtypes.end()) {
    return malformed("tensor '" + name + "' has dtype " + dtype.dump() + ", which this program does not read");
  }
  placed.view.dtype = known->dtype;
  if (!member("shape").is_array()) {
    return malformed("tensor '" + name + "' has no shape");
  }
  std::uint64_t size_bytes = known->size_bytes;
  for (const Json& extent_json : member("shape")) {
    const auto extent = as_unsigned(extent_json);
    if (!extent.has_value() || *extent > (std::uint64_t{1} << 40) ||
        __builtin_mul_overflow(size_bytes, *extent, &size_bytes)) {
      return malformed("tensor '" + name + "' has the shape " + member("shape").dump());
    }
    placed.view.shape.push_back(static_cast<std::int64_t>(*extent));
  }
  const Json& offsets = member("data_offsets");
  const auto begin = offsets.is_array() && offsets.size() == 2 ? as_unsigned(offsets[0]) : std::nullopt;
  const auto end = begin.has_value() ? as_unsigned(offsets[1]) : std::nullopt;
  if (!end.has_value() || *begin > *end || *end - *begin != size_bytes) {
    return malformed("tensor '" + name + "' has data_offsets that do not fit its shape");
  }
  placed.begin = *begin;
  placed.end = *end;
  return placed;
}

// Every byte of the data belongs to exactly one tensor.
Result<void> check_cover(std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges, std::uint64_t size_bytes) {
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t at = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != at) {
      return malformed("its tensors overlap or leave a hole at byte " + std::to_string(at) + " of the data");
    }
    at = end;
  }
  if (at != size_bytes) {
    return malformed("its data is " + std::to_string(size_bytes) + " bytes, the header speaks of " +
                     std::to_string(at) + (at > size_bytes ? " (a cut download?)" : ""));
  }
  return {};
}

Error system_error(const std::string& what) {
  const int number = errno;
  const ErrorCode code = number == ENOENT                       ? ErrorCode::kNotFound
                         : number == ENOSPC || number == EDQUOT ? ErrorCode::kResourceExhausted
                                                                : ErrorCode::kInternal;
  return {code, what + ": " + std::strerror(number)};
}

std::string header_text(const std::vector<std::pair<std::string, const TensorView*>>& ordered,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto& [name, view] : ordered) {
    const std::uint64_t end = at + view->bytes.size();
    header[name] = {{"dtype", dtype_name(view->dtype)}, {"shape", view->shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

std::string_view dtype_name(Dtype dtype) { return facts(dtype).name; }
std::size_t dtype_size_bytes(Dtype dtype) { return facts(dtype).size_bytes; }

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

struct SafetensorsFile::Mapping {
  void* address = nullptr;
  std::size_t size_bytes = 0;

  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (address != nullptr) {
      ::munmap(address, size_bytes);
    }
  }
};

SafetensorsFile::SafetensorsFile(std::unique_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;
SafetensorsFile::~SafetensorsFile() = default;

namespace {

struct Contents {
  std::map<std::string, TensorView> tensors;
  std::map<std::string, std::string> metadata;
};

Result<Contents> parse(std::span<const std::byte> file) {
  std::uint64_t header_bytes = 0;
  if (file.size() < kPrefixBytes) {
    return malformed("it is only " + std::to_string(file.size()) + " bytes long");
  }
  std::memcpy(&header_bytes, file.data(), kPrefixBytes);
  if (header_bytes > kHeaderBytesMax || header_bytes > file.size() - kPrefixBytes) {
    return malformed("its header claims " + std::to_string(header_bytes) + " bytes");
  }
  const auto* text = reinterpret_cast<const char*>(file.data()) + kPrefixBytes;
  LUTHIER_TRY(const Json header, parse_header({text, header_bytes}));
  const auto data = file.subspan(kPrefixBytes + header_bytes);

  Contents contents;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!entry.is_object() || !value.is_string()) {
          return malformed("its __metadata__ is not an object of strings");
        }
        contents.metadata[key] = value.get<std::string>();
      }
      continue;
    }
    LUTHIER_TRY(Placed placed, parse_entry(name, entry));
    ranges.emplace_back(placed.begin, placed.end);
    if (placed.end <= data.size()) {
      placed.view.bytes = data.subspan(placed.begin, placed.end - placed.begin);
    }
    contents.tensors.emplace(name, std::move(placed.view));
  }
  LUTHIER_TRY_VOID(check_cover(std::move(ranges), data.size()));
  return contents;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
    return system_error("opening " + path.string());
  }
  if (!S_ISREG(status.st_mode) || status.st_size == 0) {
    return malformed("it is empty or not a regular file").with(path.string());
  }
  auto mapping = std::make_unique<Mapping>();
  mapping->size_bytes = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, mapping->size_bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) {
    return system_error("mapping " + path.string());
  }
  mapping->address = address;
  auto contents = parse({static_cast<const std::byte*>(address), mapping->size_bytes});
  if (!contents) {
    return std::move(contents).error().with(path.string());
  }
  SafetensorsFile file(std::move(mapping));
  file.tensors_ = std::move(contents->tensors);
  file.metadata_ = std::move(contents->metadata);
  return file;
}

Result<void> write_safetensors(const std::filesystem::path& path, const std::map<std::string, TensorView>& tensors,
                               std::map<std::string, std::string> metadata) {
  metadata.emplace("format", "pt");
  std::vector<std::pair<std::string, const TensorView*>> ordered;
  for (const auto& [name, view] : tensors) {
    std::uint64_t size_bytes = dtype_size_bytes(view.dtype);
    for (const std::int64_t extent : view.shape) {
      size_bytes *= static_cast<std::uint64_t>(extent);
    }
    LUTHIER_CHECK(view.bytes.size() == size_bytes);
    ordered.emplace_back(name, &view);
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return dtype_size_bytes(a.second->dtype) > dtype_size_bytes(b.second->dtype);
  });
  const std::string header = header_text(ordered, metadata);
  const std::uint64_t header_bytes = header.size();
  std::string prefix(kPrefixBytes, '\0');
  std::memcpy(prefix.data(), &header_bytes, kPrefixBytes);

  const std::filesystem::path partial = path.string() + ".partial";
  UniqueFd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) {
    return system_error("creating " + partial.string());
  }
  LUTHIER_TRY_VOID(write_all(fd.get(), prefix + header));
  for (const auto& [name, view] : ordered) {
    LUTHIER_TRY_VOID(write_all(fd.get(), {reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size()}));
  }
  if (::fsync(fd.get()) != 0) {
    return system_error("syncing " + partial.string());
  }
  fd.reset();
  if (::rename(partial.c_str(), path.c_str()) != 0) {
    return system_error("renaming " + partial.string());
  }
  return sync_folder(path.parent_path().empty() ? "." : path.parent_path());
}

}  // namespace luthier::worker
