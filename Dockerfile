# The script of the pages.
FROM node:22-bookworm-slim AS pages
WORKDIR /pages
COPY pages/package.json pages/package-lock.json pages/.npmrc ./
RUN npm ci
COPY pages/icons.mjs ./
COPY pages/src src
RUN npm run build

# The binary: static, with the pages in it.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=pages /pages/dist pages/dist
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/satchel ./cmd/satchel && mkdir /out/data

# Nothing but the binary, the certificates that a webhook or a database's TLS asks for, and a folder for the data.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/satchel /usr/local/bin/satchel
COPY --from=build --chown=65532:65532 /out/data /data
# Where large parts of uploads wait on their way to S3.
COPY --from=build --chown=65532:65532 /out/data /tmp
USER 65532:65532
ENV PATH=/usr/local/bin \
    SATCHEL_DATA=/data \
    SATCHEL_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s CMD ["satchel", "healthcheck"]
ENTRYPOINT ["satchel"]
CMD ["serve"]
