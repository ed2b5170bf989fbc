// BlobService: content-addressed bytes to and from the artifact store, in chunks of 256 KiB. The disk's work is done
// by the task pool; a call has one chunk in hand at a time, so that memory is bounded by the number of calls.
//
// A broken upload leaves nothing behind and is begun again from its start; what is complete already is answered at
// once. A download starts at any offset.
#pragma once

#include "controller/artifacts/artifacts.h"
#include "controller/fleet/task_pool.h"
#include "controller/store/store.h"
#include "luthier/v1/blob.grpc.pb.h"

namespace luthier::fleet {

class BlobService final : public v1::BlobService::CallbackService {
 public:
  static constexpr int kDigestsMax = 20'000;  // in one FindMissing

  BlobService(artifacts::ArtifactStore& artifacts, store::Store& store, TaskPool& pool)
      : artifacts_(artifacts), store_(store), pool_(pool) {}

  grpc::ServerUnaryReactor* FindMissing(grpc::CallbackServerContext* call, const v1::FindMissingRequest* request,
                                        v1::FindMissingResponse* response) override;
  grpc::ServerReadReactor<v1::UploadRequest>* Upload(grpc::CallbackServerContext* call,
                                                     v1::UploadResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadResponse>* Download(grpc::CallbackServerContext* call,
                                                           const v1::DownloadRequest* request) override;
  grpc::ServerUnaryReactor* PutManifest(grpc::CallbackServerContext* call, const v1::PutManifestRequest* request,
                                        v1::PutManifestResponse* response) override;
  grpc::ServerUnaryReactor* GetManifest(grpc::CallbackServerContext* call, const v1::GetManifestRequest* request,
                                        v1::GetManifestResponse* response) override;

 private:
  artifacts::ArtifactStore& artifacts_;
  store::Store& store_;
  TaskPool& pool_;
};

}  // namespace luthier::fleet
