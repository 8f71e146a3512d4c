# docker-bake.hcl - docker buildx bake -f docker/docker-bake.hcl, after docker/build -stage build/images: the images that
# docker/build makes, with the same names. REPOSITORY, VERSION and CONTEXT may be set in the environment.
variable "REPOSITORY" { default = "anyarch" }
variable "VERSION" { default = "0.1.0" }
variable "CONTEXT" { default = "build/images" }

group "default" {
  targets = ["anyarch", "register", "register-only", "x86_64-aarch64", "binfmt", "buildkit"]
}

target "common" {
  context    = CONTEXT
  dockerfile = "Dockerfile"
  platforms  = ["linux/amd64"]
  args       = { VERSION = VERSION, SOURCE_DATE_EPOCH = "0" }
  output     = ["type=image,rewrite-timestamp=true"]
  attest     = ["type=sbom", "type=provenance,mode=max"]
}

target "anyarch" {
  inherits = ["common"]
  target   = "anyarch"
  tags     = ["${REPOSITORY}:anyarch", "${REPOSITORY}:anyarch-${VERSION}", "${REPOSITORY}:latest", "${REPOSITORY}:${VERSION}"]
}

target "register" {
  inherits = ["common"]
  target   = "register"
  tags     = ["${REPOSITORY}:register", "${REPOSITORY}:register-${VERSION}"]
}

target "register-only" {
  inherits = ["common"]
  target   = "register-only"
  tags     = ["${REPOSITORY}:register-only", "${REPOSITORY}:register-only-${VERSION}"]
}

target "x86_64-aarch64" {
  inherits = ["common"]
  target   = "x86_64-aarch64"
  tags = [
    "${REPOSITORY}:x86_64-aarch64", "${REPOSITORY}:x86_64-aarch64-${VERSION}",
    "${REPOSITORY}:aarch64", "${REPOSITORY}:aarch64-${VERSION}",
  ]
}

target "binfmt" {
  inherits = ["common"]
  target   = "binfmt"
  tags     = ["${REPOSITORY}:binfmt", "${REPOSITORY}:binfmt-${VERSION}"]
}

target "buildkit" {
  inherits = ["common"]
  target   = "buildkit"
  tags     = ["${REPOSITORY}:buildkit", "${REPOSITORY}:buildkit-${VERSION}"]
}
