// An artifact's manifest, which comes from agents and clients.
#include "pipelines/artifact/manifest.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  (void)artifact::is_safe_path(bytes);
  const auto manifest = artifact::manifest_from_json(bytes);
  if (!manifest) {
    LUTHIER_CHECK(!manifest.error().message.empty());
    return;
  }
  for (const artifact::FileEntry& file : manifest->files) {
    LUTHIER_CHECK(artifact::is_safe_path(file.path));
  }
  const auto again = artifact::manifest_from_json(artifact::manifest_to_json(*manifest));
  LUTHIER_CHECK(again.has_value());
  LUTHIER_CHECK(artifact::manifest_digest(*again) == artifact::manifest_digest(*manifest));
}
