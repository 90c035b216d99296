# One image for web, worker, beat, migrate and backup; docker-compose.yml gives each its command.
# Where registries are reached through mirrors: the arguments REGISTRY (with a / at its end),
# PYPI_MIRROR and NPM_MIRROR. Authorities of your own: deploy/ca/*.crt.
ARG REGISTRY=

FROM ${REGISTRY}node:24-slim AS assets
ARG NPM_MIRROR=
WORKDIR /app
COPY deploy/ca /ca
COPY package.json package-lock.json .npmrc ./
RUN cat /ca/*.crt > /ca/all.pem 2>/dev/null && export NODE_EXTRA_CA_CERTS=/ca/all.pem; \
    npm ci --omit=dev ${NPM_MIRROR:+--registry="$NPM_MIRROR"}

FROM ${REGISTRY}python:3.11-slim AS python
ENV REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
COPY deploy/ca /usr/local/share/ca-certificates
RUN update-ca-certificates

FROM python AS packages
# LOCK=train adds TensorFlow, for ML_ENGINE=keras; LOCK=s3 what S3_BUCKET needs.
ARG LOCK=runtime
ARG PYPI_MIRROR=
COPY requirements/${LOCK}.txt lock.txt
RUN python -m venv --without-pip /venv && \
    python -m pip --python /venv/bin/python --cert "$REQUESTS_CA_BUNDLE" install --no-cache-dir \
    --require-hashes ${PYPI_MIRROR:+--index-url="$PYPI_MIRROR"} -r lock.txt

FROM python AS code
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip*
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY skincare_site skincare_site
COPY accounts accounts
COPY audit audit
COPY backups backups
COPY diagnosis diagnosis
COPY ml ml
COPY templates templates
COPY static static
COPY locale locale
RUN python -m skincare_site.messages compile

FROM code AS collected
COPY --from=assets /app/node_modules node_modules
# Read by the settings, used by nothing here.
RUN SECRET_KEY=build ALLOWED_HOSTS=build DATABASE_URL=postgresql://build/build \
    REDIS_URL=redis://build MEDIA_ROOT=/media \
    python manage.py collectstatic --noinput

FROM code
RUN groupadd --gid 1000 skincare && useradd --uid 1000 --gid 1000 --no-create-home skincare && \
    install -d -o 1000 -g 1000 /media /backups
COPY --from=collected /app/var/static var/static
# A number: Compose gives files to no user that it would have to look up.
USER 1000:1000
ENV MEDIA_ROOT=/media PORT=8000
VOLUME /media
EXPOSE 8000
# Past the proxy that Docker may tell containers of.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=4)"]
CMD ["gunicorn", "-c", "python:skincare_site.gunicorn", "skincare_site.wsgi"]
ARG VERSION=unreleased REVISION=unknown
ENV VERSION=$VERSION
LABEL org.opencontainers.image.title="Skincare mole check" \
    org.opencontainers.image.description="A picture of a mole in, a risk category out: a proof of concept, not a medical device." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
