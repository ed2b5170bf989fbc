#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/digest/digest.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kDigestsMax = 100'000;

class UploadSink final : public BodySink {
 public:
  UploadSink(std::unique_ptr<artifacts::BlobWriter> writer, std::string digest)
      : writer_(std::move(writer)), digest_(std::move(digest)) {}

  Result<void> write(std::string_view bytes) override { return writer_->write(bytes); }

  Response finish() override {
    Result<void> finished = writer_->finish();
    if (finished) {
      return json_response({{"digest", digest_}}, 201);
    }
    if (finished.error().code == ErrorCode::kDataLoss) {  // what was sent is wrong, not what is stored
      finished.error().code = ErrorCode::kInvalidArgument;
    }
    return error_response(finished.error());
  }

 private:
  const std::unique_ptr<artifacts::BlobWriter> writer_;
  const std::string digest_;
};

class DownloadSource final : public BodySource {
 public:
  DownloadSource(UniqueFd file, std::uint64_t first, std::uint64_t end)
      : file_(std::move(file)), position_(first), end_(end) {}

  Piece pull() override {
    Piece piece;
    const std::uint64_t left = end_ - position_;
    piece.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, kReadBytes)));
    std::size_t filled = 0;
    while (filled < piece.bytes.size()) {
      const ssize_t count = ::pread(file_.get(), piece.bytes.data() + filled, piece.bytes.size() - filled,
                                    static_cast<off_t>(position_ + filled));
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count <= 0) {
        piece.broken = true;
        return piece;
      }
      filled += static_cast<std::size_t>(count);
    }
    position_ += filled;
    piece.end = position_ == end_;
    return piece;
  }

 private:
  const UniqueFd file_;
  std::uint64_t position_;
  const std::uint64_t end_;
};

Result<std::unique_ptr<BodySink>> open_upload(Services& services, const Request& request) {
  const std::string digest = request.parameter("digest");
  LUTHIER_TRY(auto writer, services.context.artifacts.create_blob(digest, request.content_length));
  return std::unique_ptr<BodySink>(std::make_unique<UploadSink>(std::move(writer), digest));
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // one past the last
};

// "bytes=N-" or "bytes=N-M"; other forms are not served in part, as RFC 9110 allows. Empty: beyond the blob's end.
std::optional<Range> range_of(const std::string& header, std::uint64_t size, bool& partial) {
  constexpr std::string_view kUnit = "bytes=";
  Range range{0, size};
  partial = false;
  if (!header.starts_with(kUnit)) {
    return range;
  }
  const char* const end = header.data() + header.size();
  std::uint64_t first = 0;
  const auto parsed = std::from_chars(header.data() + kUnit.size(), end, first);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '-') {
    return range;
  }
  std::uint64_t last = size == 0 ? 0 : size - 1;
  if (parsed.ptr + 1 != end) {
    const auto parsed_last = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed_last.ec != std::errc() || parsed_last.ptr != end || last < first) {
      return range;
    }
  }
  partial = true;
  if (first >= size) {
    return std::nullopt;
  }
  return Range{first, std::min(last, size - 1) + 1};
}

Result<Response> download(Services& services, const Request& request) {
  const std::string digest = request.parameter("digest");
  LUTHIER_TRY(const std::uint64_t size, services.context.artifacts.blob_bytes(digest));
  LUTHIER_TRY(UniqueFd file, services.context.artifacts.open_blob(digest));
  bool partial = false;
  const std::optional<Range> range = range_of(request.header("range"), size, partial);
  if (!range) {
    Response refusal = error_response(416, "invalid_argument", "the range starts behind the blob's end");
    refusal.headers.emplace_back("content-range", "bytes */" + std::to_string(size));
    return refusal;
  }
  Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("accept-ranges", "bytes");
  if (partial) {
    response.status = 206;
    response.headers.emplace_back("content-range", "bytes " + std::to_string(range->first) + "-" +
                                                       std::to_string(range->end - 1) + "/" + std::to_string(size));
  }
  response.stream_bytes = range->end - range->first;
  response.stream = std::make_shared<DownloadSource>(std::move(file), range->first, range->end);
  return response;
}

Result<Response> missing(Services& services, const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  const auto digests = body.find("digests");
  if (digests == body.end() || !digests->is_array() || digests->size() > kDigestsMax) {
    return Error{ErrorCode::kInvalidArgument,
                 "'digests' must be an array of at most " + std::to_string(kDigestsMax) + " digests"};
  }
  Json absent = Json::array();
  for (const Json& digest : *digests) {
    if (!digest.is_string() || !is_sha256_digest(digest.get_ref<const std::string&>())) {
      return Error{ErrorCode::kInvalidArgument, "'digests' holds " + digest.dump(-1, ' ', true).substr(0, 100) +
                                                    ", which is not a digest (sha256:…)"};
    }
    if (!services.context.artifacts.has_blob(digest.get<std::string>())) {
      absent.push_back(digest);
    }
  }
  return json_response({{"missing", std::move(absent)}});
}

Result<Response> create_artifact(Services& services, const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  LUTHIER_TRY(const artifact::Manifest manifest, artifact::manifest_from_json(body.dump()));
  LUTHIER_TRY(const std::string digest, services.context.artifacts.put_manifest(manifest));
  return json_response({{"artifact", digest}}, 201);
}

Result<Response> get_artifact(Services& services, const Request& request) {
  LUTHIER_TRY(const artifact::Manifest manifest, services.context.artifacts.get_manifest(request.parameter("digest")));
  Response response;
  response.body = artifact::manifest_to_json(manifest) + "\n";
  return response;
}

}  // namespace

void add_blob_routes(Router& router, Services& services) {
  router.add({.method = "POST",
              .pattern = "/api/v1/missing-blobs",
              .scope = Scope::kDeveloper,
              .handle = at_once([&services](const Request& request) { return missing(services, request); }),
              .changes = false});
  router.add({.method = "PUT",
              .pattern = "/api/v1/blobs/{digest}",
              .scope = Scope::kDeveloper,
              .open_sink = [&services](const Request& request) { return open_upload(services, request); }});
  router.add({.method = "GET",
              .pattern = "/api/v1/blobs/{digest}",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return download(services, request); })});
  router.add({.method = "POST",
              .pattern = "/api/v1/artifacts",
              .scope = Scope::kDeveloper,
              .handle = at_once([&services](const Request& request) { return create_artifact(services, request); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/artifacts/{digest}",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return get_artifact(services, request); })});
}

}  // namespace luthier::http::api
