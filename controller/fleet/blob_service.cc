#include "controller/fleet/blob_service.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "base/digest/digest.h"
#include "controller/fleet/unary.h"

namespace luthier::fleet {

namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;

// One upload, top to bottom. At any time either a read is in flight or a task is in the pool, so nothing here is
// shared between threads at once.
class Upload final : public grpc::ServerReadReactor<v1::UploadRequest> {
 public:
  Upload(artifacts::ArtifactStore& artifacts, TaskPool& pool) : artifacts_(artifacts), pool_(pool) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    const bool posted = pool_.post([this, ok] {
      const Result<bool> more = ok ? accept() : finish();
      if (!more) {
        Finish(to_status(more.error()));
      } else if (!more.value()) {
        Finish(grpc::Status::OK);
      } else {
        StartRead(&request_);
      }
    });
    if (!posted) {
      Finish(busy_status());
    }
  }

  void OnDone() override { delete this; }

  // Whether to read on.
  Result<bool> accept() {
    if (request_.has_header()) {
      if (writer_) {
        return Error{ErrorCode::kInvalidArgument, "an upload has one header"};
      }
      if (artifacts_.has_blob(request_.header().digest())) {
        return false;
      }
      LUTHIER_TRY(writer_, artifacts_.create_blob(request_.header().digest(), request_.header().bytes()));
      return true;
    }
    if (!writer_) {
      return Error{ErrorCode::kInvalidArgument, "an upload starts with its header"};
    }
    LUTHIER_TRY_VOID(writer_->write(request_.chunk()));
    return true;
  }

  Result<bool> finish() {
    if (!writer_) {
      return Error{ErrorCode::kInvalidArgument, "the upload ended before its header"};
    }
    LUTHIER_TRY_VOID(writer_->finish());
    return false;
  }

  artifacts::ArtifactStore& artifacts_;
  TaskPool& pool_;
  v1::UploadRequest request_;
  std::unique_ptr<artifacts::BlobWriter> writer_;
};

class RefusedUpload final : public grpc::ServerReadReactor<v1::UploadRequest> {
 public:
  explicit RefusedUpload(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

// One download: a task reads a chunk, gRPC writes it, and so on.
class Download final : public grpc::ServerWriteReactor<v1::DownloadResponse> {
 public:
  Download(const artifacts::ArtifactStore& artifacts, TaskPool& pool, const v1::DownloadRequest& request)
      : pool_(pool), offset_(request.offset()) {
    Result<UniqueFd> blob = artifacts.open_blob(request.digest());
    if (!blob) {
      Finish(to_status(blob.error()));
      return;
    }
    blob_ = std::move(blob).value();
    next();
  }
  explicit Download(TaskPool& pool, const grpc::Status& refusal) : pool_(pool) { Finish(refusal); }

 private:
  void OnWriteDone(bool ok) override {
    if (ok) {
      next();
    } else {
      Finish({grpc::StatusCode::CANCELLED, "the download was broken off"});
    }
  }

  void OnDone() override { delete this; }

  void next() {
    if (!pool_.post([this] { read_chunk(); })) {
      Finish(busy_status());
    }
  }

  void read_chunk() {
    std::string& chunk = *response_.mutable_chunk();
    chunk.resize(kChunkBytes);
    ssize_t count = -1;
    do {
      count = ::pread(blob_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      Finish({grpc::StatusCode::DATA_LOSS, "reading a blob failed: " + std::generic_category().message(errno)});
    } else if (count == 0) {
      Finish(grpc::Status::OK);
    } else {
      chunk.resize(static_cast<std::size_t>(count));
      offset_ += static_cast<std::uint64_t>(count);
      StartWrite(&response_);
    }
  }

  TaskPool& pool_;
  std::uint64_t offset_ = 0;
  UniqueFd blob_;
  v1::DownloadResponse response_;
};

}  // namespace

grpc::ServerUnaryReactor* BlobService::FindMissing(grpc::CallbackServerContext* call,
                                                   const v1::FindMissingRequest* request,
                                                   v1::FindMissingResponse* response) {
  return unary(*call, store_, pool_, [this, request, response]() -> Result<void> {
    if (request->digests_size() > kDigestsMax) {
      return Error{ErrorCode::kInvalidArgument, "at most " + std::to_string(kDigestsMax) + " digests per call"};
    }
    for (const std::string& digest : request->digests()) {
      if (!is_sha256_digest(digest)) {
        return Error{ErrorCode::kInvalidArgument, "a digest is 'sha256:' and 64 hexadecimal digits"};
      }
      if (!artifacts_.has_blob(digest)) {
        response->add_digests(digest);
      }
    }
    return {};
  });
}

grpc::ServerReadReactor<v1::UploadRequest>* BlobService::Upload(grpc::CallbackServerContext* call,
                                                                v1::UploadResponse*) {
  if (const Result<AgentId> agent = authenticate_agent(*call, store_); !agent) {
    return new RefusedUpload(to_status(agent.error()));
  }
  return new fleet::Upload(artifacts_, pool_);
}

grpc::ServerWriteReactor<v1::DownloadResponse>* BlobService::Download(grpc::CallbackServerContext* call,
                                                                      const v1::DownloadRequest* request) {
  if (const Result<AgentId> agent = authenticate_agent(*call, store_); !agent) {
    return new fleet::Download(pool_, to_status(agent.error()));
  }
  return new fleet::Download(artifacts_, pool_, *request);
}

grpc::ServerUnaryReactor* BlobService::PutManifest(grpc::CallbackServerContext* call,
                                                   const v1::PutManifestRequest* request,
                                                   v1::PutManifestResponse* response) {
  return unary(*call, store_, pool_, [this, request, response]() -> Result<void> {
    LUTHIER_TRY(const artifact::Manifest manifest, artifact::manifest_from_json(request->manifest_json()));
    LUTHIER_TRY(*response->mutable_digest(), artifacts_.put_manifest(manifest));
    return {};
  });
}

grpc::ServerUnaryReactor* BlobService::GetManifest(grpc::CallbackServerContext* call,
                                                   const v1::GetManifestRequest* request,
                                                   v1::GetManifestResponse* response) {
  return unary(*call, store_, pool_, [this, request, response]() -> Result<void> {
    LUTHIER_TRY(const artifact::Manifest manifest, artifacts_.get_manifest(request->digest()));
    response->set_manifest_json(artifact::manifest_to_json(manifest));
    return {};
  });
}

}  // namespace luthier::fleet
