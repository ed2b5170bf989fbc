#include "agents/link/blob_link.h"

#include <fcntl.h>

#include "agents/shim/unix_socket.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "luthier/v1/blob.grpc.pb.h"

namespace luthier::agents {
namespace {

constexpr milliseconds kShortDeadline{30'000};
constexpr milliseconds kTransferDeadline{600'000};  // a longer transfer goes on where it was, on a new call
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

class BlobLink final : public BlobClient {
 public:
  explicit BlobLink(Session session)
      : session_(std::move(session)), stub_(v1::BlobService::NewStub(open_channel(session_.controller))) {}

  Result<std::vector<std::string>> find_missing(const std::vector<std::string>& digests,
                                                const Cancel& cancel) override {
    Call call(session_, kShortDeadline, cancel);
    v1::FindMissingRequest request;
    request.mutable_digests()->Assign(digests.begin(), digests.end());
    v1::FindMissingResponse response;
    if (const grpc::Status status = stub_->FindMissing(call.context(), request, &response); !status.ok()) {
      return to_error(status);
    }
    return std::vector<std::string>(response.digests().begin(), response.digests().end());
  }

  Result<void> upload(const std::string& digest, std::uint64_t bytes, const std::filesystem::path& file,
                      const Cancel& cancel) override {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
      return Error{ErrorCode::kNotFound, "cannot open " + file.string()};
    }
    Call call(session_, kTransferDeadline, cancel);
    v1::UploadResponse response;
    const auto writer = stub_->Upload(call.context(), &response);
    v1::UploadRequest request;
    request.mutable_header()->set_digest(digest);
    request.mutable_header()->set_bytes(bytes);
    bool open = writer->Write(request);
    std::string buffer(kChunkBytes, '\0');
    std::size_t count = 0;
    while (open && shim::read_some(fd.get(), buffer, count) == shim::ReadState::kData) {
      request.set_chunk(buffer.data(), count);
      open = writer->Write(request);
    }
    writer->WritesDone();
    if (const grpc::Status status = writer->Finish(); !status.ok()) {
      return to_error(status).with("uploading " + file.string());
    }
    return {};
  }

  Result<void> download(const std::string& digest, std::uint64_t offset,
                        const std::function<Result<void>(std::string_view)>& on_chunk, const Cancel& cancel) override {
    Call call(session_, kTransferDeadline, cancel);
    v1::DownloadRequest request;
    request.set_digest(digest);
    request.set_offset(offset);
    const auto reader = stub_->Download(call.context(), request);
    v1::DownloadResponse response;
    Result<void> taken;
    while (taken && reader->Read(&response)) {
      taken = on_chunk(response.chunk());
    }
    if (!taken) {
      call.context()->TryCancel();
    }
    const grpc::Status status = reader->Finish();
    if (!taken) {
      return taken;
    }
    return status.ok() ? Result<void>() : Result<void>(to_error(status));
  }

  Result<std::string> put_manifest(const std::string& manifest_json, const Cancel& cancel) override {
    Call call(session_, kShortDeadline, cancel);
    v1::PutManifestRequest request;
    request.set_manifest_json(manifest_json);
    v1::PutManifestResponse response;
    if (const grpc::Status status = stub_->PutManifest(call.context(), request, &response); !status.ok()) {
      return to_error(status);
    }
    return response.digest();
  }

  Result<std::string> get_manifest(const std::string& digest, const Cancel& cancel) override {
    Call call(session_, kShortDeadline, cancel);
    v1::GetManifestRequest request;
    request.set_digest(digest);
    v1::GetManifestResponse response;
    if (const grpc::Status status = stub_->GetManifest(call.context(), request, &response); !status.ok()) {
      return to_error(status);
    }
    return response.manifest_json();
  }

 private:
  const Session session_;
  const std::unique_ptr<v1::BlobService::Stub> stub_;
};

}  // namespace

std::unique_ptr<BlobClient> make_blob_link(Session session) { return std::make_unique<BlobLink>(std::move(session)); }

}  // namespace luthier::agents
