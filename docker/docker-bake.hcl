# docker-bake.hcl - docker buildx bake -f docker/docker-bake.hcl, after docker/build -stage build/images
variable "REPOSITORY" { default = "anyarch" }
variable "VERSION" { default = "0.1.0" }
variable "CONTEXT" { default = "build/images" }

group "default" {
  targets = ["image"]
}

target "image" {
  name       = "image-${replace(image, ".", "-")}"
  matrix     = { image = ["anyarch", "register", "register-only", "x86_64-aarch64", "binfmt", "buildkit"] }
  context    = CONTEXT
  dockerfile = "Dockerfile"
  target     = image
  platforms  = ["linux/amd64"]
  args       = { VERSION = VERSION, SOURCE_DATE_EPOCH = "0" }
  output     = ["type=image,rewrite-timestamp=true"]
  attest     = ["type=sbom", "type=provenance,mode=max"]
  tags       = ["${REPOSITORY}:${image}", "${REPOSITORY}:${image}-${VERSION}"]
}
