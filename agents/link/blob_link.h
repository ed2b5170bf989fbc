// BlobLink: BlobClient over the controller's BlobService, on a channel of its own.
#pragma once

#include <memory>

#include "agents/link/session.h"
#include "agents/run/blob_client.h"

namespace luthier::agents {

[[nodiscard]] std::unique_ptr<BlobClient> make_blob_link(Session session);

}  // namespace luthier::agents
