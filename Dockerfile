# One image for web, worker, beat and migrate; docker-compose.yml gives each its command.

FROM node:24-slim AS assets
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM python:3.11-slim AS packages
# LOCK=train adds TensorFlow, for ML_ENGINE=keras.
ARG LOCK=runtime
RUN python -m venv /venv
COPY requirements/${LOCK}.txt lock.txt
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r lock.txt

FROM python:3.11-slim AS code
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY skincare_site skincare_site
COPY accounts accounts
COPY audit audit
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
    REDIS_URL=redis://build MEDIA_ROOT=/media EMAIL_URL=consolemail:// \
    python manage.py collectstatic --noinput

FROM code
RUN useradd --system --uid 1000 skincare && install -d -o skincare -g skincare /media
COPY --from=collected /app/var/static var/static
USER skincare
ENV MEDIA_ROOT=/media PORT=8000
VOLUME /media
EXPOSE 8000
# Past the proxy that Docker may tell containers of.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=4)"]
CMD ["gunicorn", "-c", "python:skincare_site.gunicorn", "skincare_site.wsgi"]
