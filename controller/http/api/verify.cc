#include "controller/http/api/verify.h"

#include <unistd.h>

#include <cerrno>

namespace luthier::http::api {
namespace {

constexpr std::uint64_t kBytesPerPull = 32ULL * 1024 * 1024;
constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

BodySource::Piece VerifySource::pull() {
  Piece piece;
  std::uint64_t budget_bytes = kBytesPerPull;
  while (at_ < chain_.size() && budget_bytes > 0) {
    if (go_on(piece.bytes, budget_bytes)) {
      ++at_;
    }
  }
  if (at_ < chain_.size()) {
    piece.bytes += Json{{"progress", chain_[at_].name}, {"done_bytes", done_bytes_}}.dump() + "\n";
    return piece;
  }
  piece.bytes += Json{{"ok", broken_ == 0}, {"links", chain_.size()}, {"broken", broken_}}.dump() + "\n";
  piece.end = true;
  return piece;
}

bool VerifySource::go_on(std::string& out, std::uint64_t& budget_bytes) {
  if (!manifest_ && !open_link(out)) {
    return true;
  }
  while (file_ < manifest_->files.size()) {
    if (!hash_file(manifest_->files[file_], budget_bytes)) {
      return false;
    }
    ++file_;
  }
  close_link(out);
  return true;
}

// False when there is nothing to hash: a record, or an artifact without a readable manifest.
bool VerifySource::open_link(std::string& out) {
  const Link& link = chain_[at_];
  file_ = 0;
  done_bytes_ = 0;
  problem_ = link.problem;
  if (!link.digest.empty()) {
    auto manifest = artifacts_.get_manifest(link.digest);
    if (manifest) {
      manifest_ = std::move(*manifest);
      if (manifest_->kind != link.kind) {
        note("it is a " + manifest_->kind + ", not a " + link.kind);
      }
      return true;
    }
    note(manifest.error().message);
  }
  close_link(out);
  return false;
}

bool VerifySource::hash_file(const artifact::FileEntry& file, std::uint64_t& budget_bytes) {
  if (!open_) {
    auto opened = artifacts_.open_blob(file.digest);
    if (!opened) {
      note("file '" + file.path + "': blob " + file.digest + " is missing");
      return true;
    }
    open_ = std::move(*opened);
    hash_.emplace();
    bytes_ = 0;
  }
  std::string buffer(kReadBytes, '\0');
  while (budget_bytes > 0) {
    const ssize_t count = ::pread(open_->get(), buffer.data(), buffer.size(), static_cast<off_t>(bytes_));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      note("file '" + file.path + "': blob " + file.digest + " cannot be read (errno " + std::to_string(errno) + ")");
      open_.reset();
      return true;
    }
    if (count == 0) {
      const std::string found = "sha256:" + hash_->finish();
      if (found != file.digest || bytes_ != file.bytes) {
        note("file '" + file.path + "': blob " + file.digest + " holds other bytes (" + found + ")");
      }
      open_.reset();
      return true;
    }
    hash_->update(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    bytes_ += static_cast<std::uint64_t>(count);
    done_bytes_ += static_cast<std::uint64_t>(count);
    budget_bytes -= std::min(budget_bytes, static_cast<std::uint64_t>(count));
  }
  return false;
}

void VerifySource::close_link(std::string& out) {
  const Link& link = chain_[at_];
  broken_ += problem_.empty() ? 0 : 1;
  Json line{{"link", link.name}, {"ok", problem_.empty()}, {"problem", problem_.empty() ? Json() : Json(problem_)}};
  if (link.digest.empty()) {
    line["detail"] = link.detail;
  } else {
    line["digest"] = link.digest;
    line["kind"] = link.kind;
    line["files"] = manifest_ ? manifest_->files.size() : 0;
    line["bytes"] = done_bytes_;
  }
  out += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  manifest_.reset();
}

void VerifySource::note(const std::string& problem) { problem_ += (problem_.empty() ? "" : "; ") + problem; }

}  // namespace luthier::http::api
