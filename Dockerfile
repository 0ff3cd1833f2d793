# One file, two ways to the same image:
#   with internet:  docker build .                            compiles inside golang
#   from a binary:  make prebuilt && docker build --target prebuilt .
# "prebuilt" stands first: the classic builder runs stages in order and stops
# at --target, so golang is never pulled; BuildKit skips it otherwise.
FROM scratch AS prebuilt
COPY bin/bsv /bsv
COPY --chown=65532:65532 docker/empty/ /data/
COPY --chown=65532:65532 docker/empty/ /home/
COPY --chown=65532:65532 docker/empty/ /tmp/
USER 65532:65532
ENV BSV_HOME=/home/bsv
VOLUME /data /home
EXPOSE 27800/tcp 27800/udp
ENTRYPOINT ["/bsv"]
CMD ["node", "/data"]

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/bsv ./cmd/bsv

FROM scratch AS node
COPY --from=build /out/bsv /bsv
COPY --chown=65532:65532 docker/empty/ /data/
COPY --chown=65532:65532 docker/empty/ /home/
COPY --chown=65532:65532 docker/empty/ /tmp/
USER 65532:65532
ENV BSV_HOME=/home/bsv
VOLUME /data /home
EXPOSE 27800/tcp 27800/udp
ENTRYPOINT ["/bsv"]
CMD ["node", "/data"]
