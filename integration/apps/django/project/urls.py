"""The admin, and the library's own pages."""

from django.contrib import admin
from django.urls import path

from library import views

urlpatterns = [
    path('admin/', admin.site.urls),
    path('', views.index),
    path('add/', views.add),
    path('books.json', views.as_json),
    path('covers/<int:pk>', views.cover),
    path('rows', views.rows),
    path('error', views.error),
]
