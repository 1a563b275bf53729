"""A small Django site: gild start-server examples/django/wsgi.py --working-directory examples/django

The working directory is the first on sys.path, so "settings" and "tour" are found there.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')
application = get_wsgi_application()
