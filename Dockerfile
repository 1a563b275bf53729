# gild and its Django example as an image. The verbs are make's: what works here works on any Debian, and
# `make fresh` proves these very lines in a clean one.
FROM golang:1.26-bookworm AS build
WORKDIR /opt/gild
COPY . .
RUN apt-get update && make build

FROM debian:bookworm-slim
WORKDIR /opt/gild
COPY --from=build /opt/gild/. .
RUN apt-get update && apt-get install -y --no-install-recommends make && make packages && apt-get clean && useradd --create-home gild
USER gild
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["build/serve.sh"]
