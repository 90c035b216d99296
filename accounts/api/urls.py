from django.urls import path

from accounts.api import account, tokens

urlpatterns = [
    path("auth/token/", tokens.TokenView.as_view(), name="api-token"),
    path("auth/signup/", account.SignUpView.as_view(), name="api-signup"),
    path("auth/confirm-email/", account.ConfirmEmailView.as_view(), name="api-confirm-email"),
    path("tokens/", tokens.TokenListView.as_view(), name="api-token-list"),
    path("tokens/<uuid:pk>/", tokens.OneTokenView.as_view(), name="api-token-detail"),
    path("account/", account.AccountView.as_view(), name="api-account"),
    path("account/consent/", account.ConsentView.as_view(), name="api-consent"),
]
