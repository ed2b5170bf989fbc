#include "pipelines/data/read/zip_archive.h"

#include <minizip/unzip.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace luthier::data::read {
namespace {

// Small entries of one repeated cell are honest; the ratio is looked at only beyond this.
constexpr std::uint64_t kRatioFreeBytes = std::uint64_t{64} << 20;

}  // namespace

struct ZipArchive::Handle {
  std::string bytes;  // of an archive in memory
  std::string name;
  ExpansionLimits limits;
  unzFile zip = nullptr;
  bool inside = false;             // an entry
  std::uint64_t packed_bytes = 0;  // of the entry
  std::uint64_t bytes_out = 0;     // of all entries

  ~Handle() {
    if (inside) {
      ::unzCloseCurrentFile(zip);
    }
    if (zip != nullptr) {
      ::unzClose(zip);
    }
  }
};

ZipArchive::ZipArchive(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
ZipArchive::~ZipArchive() = default;

Result<std::unique_ptr<ZipArchive>> ZipArchive::open(const std::filesystem::path& path, std::string name,
                                                     ExpansionLimits limits) {
  LUTHIER_TRY(const auto readable, open_file(path));
  auto handle = std::make_unique<Handle>();
  handle->name = std::move(name);
  handle->limits = limits;
  handle->zip = ::unzOpen64(path.c_str());
  if (handle->zip == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 handle->name +
                     ": this is no .xlsx file (or it is cut off): open it in a spreadsheet program and save it "
                     "as .xlsx or .csv"};
  }
  return std::unique_ptr<ZipArchive>(new ZipArchive(std::move(handle)));
}

Result<std::unique_ptr<ZipArchive>> ZipArchive::open_bytes(std::string bytes, std::string name,
                                                           ExpansionLimits limits) {
  auto handle = std::make_unique<Handle>();
  handle->bytes = std::move(bytes);
  handle->name = std::move(name);
  handle->limits = limits;
  zlib_filefunc64_def functions{};
  ::fill_fopen64_filefunc(&functions);
  functions.opaque = handle.get();
  functions.zopen64_file = [](void* opaque, const void*, int) -> void* {
    auto* self = static_cast<Handle*>(opaque);
    return self->bytes.empty() ? nullptr : ::fmemopen(self->bytes.data(), self->bytes.size(), "rb");
  };
  handle->zip = ::unzOpen2_64(nullptr, &functions);
  if (handle->zip == nullptr) {
    return Error{ErrorCode::kInvalidArgument, handle->name + ": this is no .xlsx file, or it is cut off"};
  }
  return std::unique_ptr<ZipArchive>(new ZipArchive(std::move(handle)));
}

Result<void> ZipArchive::begin(const std::string& entry) {
  if (handle_->inside) {
    ::unzCloseCurrentFile(handle_->zip);
    handle_->inside = false;
  }
  constexpr int kIgnoreCase = 2;
  unz_file_info64 facts{};
  if (::unzLocateFile(handle_->zip, entry.c_str(), kIgnoreCase) != UNZ_OK) {
    return Error{ErrorCode::kNotFound, handle_->name + ": has no " + entry + ", which every .xlsx file has"};
  }
  if (::unzGetCurrentFileInfo64(handle_->zip, &facts, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK ||
      ::unzOpenCurrentFile(handle_->zip) != UNZ_OK) {
    return Error{ErrorCode::kInvalidArgument,
                 handle_->name + ": " + entry + " cannot be unpacked (damaged, or encrypted)"};
  }
  handle_->inside = true;
  handle_->packed_bytes = facts.compressed_size;
  return {};
}

Result<std::size_t> ZipArchive::read(char* target, std::size_t size) {
  const int got = ::unzReadCurrentFile(handle_->zip, target, static_cast<unsigned>(size));
  if (got < 0 || (got == 0 && ::unzCloseCurrentFile(handle_->zip) == UNZ_CRCERROR)) {
    handle_->inside = got < 0;
    return Error{ErrorCode::kInvalidArgument, handle_->name + ": the archive is damaged; save the file again"};
  }
  handle_->inside = got != 0;
  handle_->bytes_out += static_cast<std::uint64_t>(got);
  const ExpansionLimits& limits = handle_->limits;
  // What an entry claims of itself is not believed: only what has come out counts.
  if (handle_->bytes_out > limits.bytes_max ||
      (handle_->bytes_out > kRatioFreeBytes && handle_->bytes_out / limits.ratio_max > handle_->packed_bytes)) {
    return Error{ErrorCode::kResourceExhausted,
                 handle_->name + ": expands to more than a spreadsheet can sensibly hold; save it as CSV"};
  }
  return static_cast<std::size_t>(got);
}

}  // namespace luthier::data::read
